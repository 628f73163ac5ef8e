# -*- coding: cp949 -*-
import numpy as np


class 곱셈:
    """두 값을 곱한다"""

    def forward(self, 사과, 개수):
        self.사과, self.개수 = 사과, 개수
        return 사과 * 개수

    def backward(self, 미분):
        return 미분 * self.개수, 미분 * self.사과


def softmax(x):
    # 오버플로 대책
    x = x - np.max(x, axis=-1, keepdims=True)
    return np.exp(x) / np.sum(np.exp(x), axis=-1, keepdims=True)

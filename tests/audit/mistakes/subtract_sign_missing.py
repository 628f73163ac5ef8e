class Sub:
    def forward(self, a, b):
        return a - b

    def backward(self, dout):
        return dout, dout

"""Digits as arrays, wherever they come from: IDX files, mirrors, a cache, or drawn strokes.

For use elsewhere: `Digits`, `load_digits`, `load_mnist`, `read_digits`, `fill` and `Distortion`.
"""

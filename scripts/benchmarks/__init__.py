"""The tables of the benchmark: in each file, `measure` returns figures and `show` prints them."""

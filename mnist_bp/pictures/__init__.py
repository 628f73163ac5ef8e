"""Pictures of any kind, turned into digits of 28 x 28 pixels, as MNIST has them.

For use elsewhere: `picture.read_picture` and `find_digits`, which return `PictureDigits`;
`form.to_mnist`, `unsure.reasons`.
"""

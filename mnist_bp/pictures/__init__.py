"""Pictures of any kind, turned into digits of 28 x 28 pixels, as MNIST has them."""

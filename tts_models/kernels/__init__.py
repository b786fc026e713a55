"""The compiled convolution that the fast CPU engines are made of."""

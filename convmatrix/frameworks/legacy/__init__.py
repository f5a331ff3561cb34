"""Frameworks that are no longer developed, but still in use: Theano, MXNet, Caffe."""

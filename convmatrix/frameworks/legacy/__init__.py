"""Frameworks that are no longer developed, and whose layers are still met: Theano, MXNet, Caffe."""

"""Trains lite-x4, the small super-resolution model for the demo and the tests.

pictures.py      the photographs, their licences, and which of them are held out
drawings.py      synthetic pictures of text and shapes
degradation.py   turns a large picture into a small, degraded one
net.py           the network
train.py         python -m training.lite_sr.train
evaluate.py      python -m training.lite_sr.evaluate
"""

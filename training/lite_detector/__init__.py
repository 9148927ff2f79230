"""Trains lite-detector, the small detector for the demo and the tests.

sprites.py     antialiased shapes on a transparent background
people.py      draws a person in any phase of a step
things.py      draws balls, boxes, and distractors
casting.py     chooses random appearances
scenes.py      draws figures over a background: a picture and its exact labels
grounds.py     makes backgrounds, and camera effects on a finished picture
net.py         the network
loss.py        the targets and the loss
matching.py    precision and recall
train.py       python -m training.lite_detector.train
evaluate.py    python -m training.lite_detector.evaluate
"""

"""lite-detector, the small detector that makes the demo and the tests of tracking work without a download.

sprites.py     shapes with smooth edges on a transparent ground
people.py      a drawn person, in any phase of a step
things.py      drawn balls and boxes, and what is neither
casting.py     how each figure looks
scenes.py      figures over a background: a picture and its exact labels
grounds.py     the backgrounds, and what a camera does to a finished picture
net.py         the network
loss.py        what it is told
matching.py    boxes found against boxes drawn
train.py       python -m training.lite_detector.train
evaluate.py    python -m training.lite_detector.evaluate
"""

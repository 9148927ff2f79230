"""Trains lite-detector, the small detector for the demo and the tests.

sprites.py          antialiased shapes on a transparent background
people.py           draws a person in any phase of a step
things.py           draws balls, boxes, pillars and strips
distractors.py      draws things that look a little like people
round_things.py     draws round things that are no balls
casting.py          chooses random appearances
colours.py          chooses random colours
scenes.py           draws figures over a background: a picture and its exact labels
grounds.py          makes backgrounds, and camera effects on a finished picture
textures.py         draws backgrounds that need no photograph, and captions
photographs.py      lists the photographs behind the figures
shots.py            draws the shots of a clip
clips.py            makes held-out clips of people who cross
net.py              the network
loss.py             the targets and the loss
matching.py         precision and recall
train.py            python -m training.lite_detector.train
evaluate.py         python -m training.lite_detector.evaluate
evaluate_tracks.py  python -m training.lite_detector.evaluate_tracks
"""

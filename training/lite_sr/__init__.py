"""lite-x4, the small super-resolution model that makes the demo and the tests work without a download.

pictures.py      which pictures, their licences, and which of them are held out
drawings.py      made-up pictures of text and shapes
degradation.py   a large picture -> the small, damaged one that a video would have held
net.py           the network
train.py         python -m training.lite_sr.train
evaluate.py      python -m training.lite_sr.evaluate
"""

"""Plans which part of each picture is delivered: fixed crops, keyframes, and crops that follow a subject."""

"""What a job costs: seconds and dollars, from a table in which every number says where it came from.

It does not know videos or servers: it is told how much there is to do, or how long it took.
"""

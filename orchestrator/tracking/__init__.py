"""Tracks objects through a video: joins the detections of single frames into tracks with ids."""

"""Tidy responses → exclusions → Table 1 → JND mAP. Imports neither `study_server` nor `metric`."""

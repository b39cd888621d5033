"""Image pairs → distances. Imports neither `study_server` nor `analysis`."""

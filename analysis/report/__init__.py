"""One report of a study, like the results section of a paper: page, PDF, tables and figures."""

"""Running of studies: on the program's own workers or on other machines, whatever becomes of a worker."""

// Nothing: the library carries the precompiled headers of the test programs.

// Holds nothing: it exists so that the tests' common headers are precompiled once.

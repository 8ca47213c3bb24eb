"""The library: DI tracks, captures and cab IRs, their upload, probe and quota."""

//! mbstring.h

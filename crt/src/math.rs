//! math.h

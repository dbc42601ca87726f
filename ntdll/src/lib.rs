
#![deny(unsafe_code)]

pub mod nls;

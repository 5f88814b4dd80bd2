//! Doelpoort.

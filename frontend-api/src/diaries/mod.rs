//! Diaries: texts with pictures.
#![allow(dead_code, reason = "its routes are built on it next")]

mod picture;

//! What every backend must do, as tests over the traits.

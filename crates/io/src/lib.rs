//! Files of flambeau: safetensors and atomic writes

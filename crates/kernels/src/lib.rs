//! Storage, threads and numeric loops on slices for flambeau

//! From raw layers to validated settings.

//! The rules of `ipvsadm`: what `ipvsadm -S` prints and `ipvsadm -R` reads.

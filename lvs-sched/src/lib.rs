//! The Linux Virtual Server (IPVS) schedulers in user space: rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos, pick for pick as in the kernel.

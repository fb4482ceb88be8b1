//! Read, plan and apply the kernel's IPVS tables over generic netlink.

//! Lossless ipvsadm-save and keepalived.conf: parse, check, edit, convert.

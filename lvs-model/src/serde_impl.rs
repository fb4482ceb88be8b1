//! Serde for types whose serialized form is their text, or their number.

/// Serializes with `Display`, deserializes with `FromStr`.
macro_rules! serde_text {
    ($($type:ty),* $(,)?) => {$(
        #[cfg(feature = "serde")]
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <alloc::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

/// Serializes as the unsigned number of `$get`, deserializes through `$new`.
macro_rules! serde_number {
    ($type:ty, $number:ty, $get:ident, $new:expr) => {
        #[cfg(feature = "serde")]
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                <$number as serde::Serialize>::serialize(&self.$get(), serializer)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = <$number as serde::Deserialize>::deserialize(deserializer)?;
                ($new)(number).map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use {serde_number, serde_text};

//! What a key can hold, and the macro with which a section declares its keys.

use std::path::Path;

use toml::Value;

/// A place for one value: read from TOML, shown as TOML.
pub trait Setting {
    /// What a value must be; ends the sentence "expected …".
    fn expected(&self) -> String;

    /// Takes the value, or says what is wrong with it and leaves the old one.
    fn read(&mut self, value: &Value) -> Result<(), String>;

    /// The value with secrets redacted; `None` when nothing is set.
    fn show(&self) -> Option<Value>;

    /// Whether a wrong value must not be repeated in a message.
    fn is_secret(&self) -> bool {
        false
    }

    /// Makes a relative path relative to `base` instead of the working directory.
    fn resolve(&mut self, _base: &Path) {}
}

/// One key of a configuration, by its full path.
pub struct Entry<'a> {
    /// Section and key, with dots: `tls.key_file`.
    pub path: &'static str,
    /// What it is for.
    pub about: String,
    /// The place of its value.
    pub setting: &'a mut dyn Setting,
}

/// Declares a section: per key the documentation, name, type and default, and, for the root, the sections below.
macro_rules! section {
    (
        $(#[doc = $section_about:literal])+
        $name:ident at $prefix:literal {
            $( $(#[doc = $about:literal])+ $key:ident: $type:ty = $default:expr; )+
            $( sections { $( $sub:ident: $sub_type:ty, )+ } )?
        }
    ) => {
        $(#[doc = $section_about])+
        #[derive(Debug, Clone)]
        pub struct $name {
            $(
                $(#[doc = $about])+
                #[doc = concat!("\n\nDefault: `", stringify!($default), "`.")]
                pub $key: $type,
            )+
            $($(
                #[doc = concat!("The section `[", stringify!($sub), "]`.")]
                pub $sub: $sub_type,
            )+)?
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $key: $default, )+ $($( $sub: <$sub_type>::default(), )+)? }
            }
        }

        impl $name {
            /// Every key from here down, in the order of the reference.
            pub fn entries(&mut self) -> Vec<$crate::config::Entry<'_>> {
                let own = vec![$( $crate::config::Entry {
                    path: concat!($prefix, stringify!($key)),
                    about: concat!($($about),+).trim().to_owned(),
                    setting: &mut self.$key,
                } ),+];
                [own, $($( self.$sub.entries(), )+)?].into_iter().flatten().collect()
            }
        }
    };
}
pub(crate) use section;

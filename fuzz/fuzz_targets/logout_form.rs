#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| cubegate_properties::logout_form(input));

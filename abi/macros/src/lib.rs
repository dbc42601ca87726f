//! `#[export]`: makes a plain Rust function an entry of a builtin DLL.
//!
//! From the one attribute come the ABI entry, the row of the export table, the support level, the
//! parameter list that traces print, and the coverage row. See `abi::export` for the table.

use proc_macro::TokenStream;
use proc_macro2::{Span, TokenStream as Tokens};
use quote::{format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::{FnArg, Ident, ItemFn, LitInt, LitStr, Pat, ReturnType, Token, Type, parse_macro_input};

/// The attribute's arguments: `dll [+ dll …], level[("note")], option…`.
struct Spec {
    dlls: Vec<String>,
    level: char,
    note: String,
    name: Option<String>,
    ordinal: u16,
    /// The entry saves the caller's nonvolatile registers, for functions that call back into the guest.
    calls_guest: bool,
}

impl Parse for Spec {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let mut dlls = vec![dll_name(&input.parse::<Ident>()?)];
        while input.parse::<Option<Token![+]>>()?.is_some() {
            dlls.push(dll_name(&input.parse::<Ident>()?));
        }
        input.parse::<Token![,]>()?;
        let level: Ident = input.parse()?;
        let note = if input.peek(syn::token::Paren) {
            let inner;
            syn::parenthesized!(inner in input);
            inner.parse::<LitStr>()?.value()
        } else {
            String::new()
        };
        let level = match (level.to_string().as_str(), note.is_empty()) {
            ("full", true) => 'f',
            ("partial", false) => 'p',
            ("stub", false) => 's',
            _ => return Err(syn::Error::new(level.span(), "expected full, partial(\"what is missing\") or stub(\"what it pretends\")")),
        };
        let mut spec = Spec { dlls, level, note, name: None, ordinal: 0, calls_guest: false };
        while input.parse::<Option<Token![,]>>()?.is_some() && !input.is_empty() {
            let key: Ident = input.parse()?;
            match key.to_string().as_str() {
                "name" => {
                    input.parse::<Token![=]>()?;
                    spec.name = Some(input.parse::<LitStr>()?.value());
                }
                "ordinal" => {
                    input.parse::<Token![=]>()?;
                    spec.ordinal = input.parse::<LitInt>()?.base10_parse()?;
                }
                "calls_guest" => spec.calls_guest = true,
                _ => return Err(syn::Error::new(key.span(), "expected name, ordinal or calls_guest")),
            }
        }
        Ok(spec)
    }
}

/// `kernel32` → `kernel32.dll`; a name that has an extension of its own is written `winspool_drv`.
fn dll_name(ident: &Ident) -> String {
    let name = ident.to_string();
    match name.strip_suffix("_drv") {
        Some(stem) => format!("{stem}.drv"),
        None => format!("{}.dll", name.to_lowercase()),
    }
}

/// Exports a function from one or more builtin DLLs.
///
/// ```ignore
/// #[export(kernel32, full)]
/// #[export(kernel32 + kernelbase, partial("no MORE_DATA"), name = "OtherName", ordinal = 7, calls_guest)]
/// ```
///
/// Parameters implement `abi::Arg`, the result implements `abi::Ret`. A last parameter of type
/// `VaList` makes the entry variadic (C's `...`).
#[proc_macro_attribute]
pub fn export(attr: TokenStream, item: TokenStream) -> TokenStream {
    let spec = parse_macro_input!(attr as Spec);
    let function = parse_macro_input!(item as ItemFn);
    match expand(&spec, &function) {
        Ok(tokens) => tokens.into(),
        Err(error) => {
            let error = error.to_compile_error();
            quote!(#error #function).into()
        }
    }
}

fn expand(spec: &Spec, function: &ItemFn) -> syn::Result<Tokens> {
    let ident = &function.sig.ident;
    let name = spec.name.clone().unwrap_or_else(|| ident.to_string());
    let mut abi_params = Vec::new();
    let mut decoded = Vec::new();
    let mut shown = Vec::new();
    let mut variadic = false;
    let count = function.sig.inputs.len();
    for (index, input) in function.sig.inputs.iter().enumerate() {
        let FnArg::Typed(param) = input else {
            return Err(syn::Error::new_spanned(input, "an export takes no self"));
        };
        let ty = &param.ty;
        let text = type_text(ty);
        if text == "VaList" {
            if index + 1 != count {
                return Err(syn::Error::new_spanned(input, "VaList must be last"));
            }
            variadic = true;
            decoded.push(quote!(::abi::VaList::of_entry(#index)));
            shown.push("...".to_string());
            continue;
        }
        let arg = format_ident!("a{index}");
        abi_params.push(quote!(#arg: <#ty as ::abi::Arg>::Abi));
        decoded.push(quote!(<#ty as ::abi::Arg>::from_abi(#arg)));
        let label = match &*param.pat {
            Pat::Ident(p) => p.ident.to_string().trim_start_matches('_').to_string(),
            _ => format!("a{index}"),
        };
        shown.push(format!("{label}:{text}"));
    }
    let (ret_abi, body, ret_text) = match &function.sig.output {
        ReturnType::Default => (quote!(()), quote!(#ident(#(#decoded),*)), "()".to_string()),
        ReturnType::Type(_, ty) if matches!(&**ty, Type::Never(_)) => (quote!(()), quote!({ #ident(#(#decoded),*); }), "!".to_string()),
        ReturnType::Type(_, ty) => {
            (quote!(<#ty as ::abi::Ret>::Abi), quote!(<#ty as ::abi::Ret>::into_abi(#ident(#(#decoded),*))), type_text(ty))
        }
    };
    let kind = match (variadic, spec.calls_guest) {
        (true, _) => 'v',
        (false, true) => 'g',
        (false, false) => 'c',
    };
    let entry = format_ident!("entry_{}", tag(spec, &name));
    let rows = rows(spec, &name, kind, quote!(super::#entry), &shown.join(","), &ret_text);
    Ok(quote! {
        #[allow(non_snake_case, clippy::too_many_arguments)]
        #function
        #[allow(clippy::too_many_arguments, unreachable_code, clippy::unused_unit, clippy::unit_arg)]
        extern "win64" fn #entry(#(#abi_params),*) -> #ret_abi {
            #body
        }
        #rows
    })
}

/// One row of the export table per DLL: 16 bytes in the DLL's section of rows and 8 in that of hashes, written in
/// assembly because only the assembler can put the distance between two symbols into a constant. A table of addresses
/// would have to be relocated at every start. The fields are those of `abi::export::Export`.
fn rows(spec: &Spec, name: &str, kind: char, symbol: Tokens, params: &str, ret: &str) -> Tokens {
    let (level, note, ordinal) = (spec.level, &spec.note, spec.ordinal);
    let rows = spec.dlls.iter().map(|dll| {
        let part = section_part(dll);
        let row = format!(
            ".pushsection uosrun_hashes_{part},\"aR\",@progbits\n\
             .quad {name_hash:#x}\n\
             .popsection\n\
             .pushsection uosrun_exports_{part},\"aR\",@progbits\n\
             .long {{}} - ., 2f - .\n\
             .short {ordinal}\n\
             .byte {name_at}, {name_len}, '{kind}', '{level}', 0, 0\n\
             .popsection\n\
             .pushsection .rodata.uosrun_exports,\"a\",@progbits\n\
             2: .ascii \"",
            name_hash = hash(name),
            name_at = dll.len() + 1,
            name_len = name.len(),
        );
        let text = quoted(&format!("{dll}\n{name}\n{note}\n{params}\n{ret}\n"));
        let end = "\\n\"\n.byte 0\n.popsection";
        let listed = format_ident!("{}", part);
        quote! {
            const _: () = ::abi::dll::listed::#listed;
            ::core::arch::global_asm!(concat!(#row, #text, module_path!(), #end), sym #symbol);
        }
    });
    let module = format_ident!("row_{}", tag(spec, name));
    // The linker takes an object out of a library only for a symbol that somebody wants: rustc asks for KEEP.
    quote! {
        #[doc(hidden)]
        #[allow(unsafe_code)]
        mod #module {
            #[used]
            static KEEP: u8 = 0;
            #(#rows)*
        }
    }
}

/// The part of section names that stands for a DLL.
fn section_part(dll: &str) -> String {
    dll.replace(['.', '-'], "_")
}

/// The list of the builtin DLLs: `dlls! { kernel32 ntdll winspool_drv }`. For each the sections that hold its exports, which
/// exist then even if empty, and a function that finds it by name without a table of addresses.
#[proc_macro]
pub fn dlls(input: TokenStream) -> TokenStream {
    let names: Vec<String> = input.into_iter().map(|token| dll_name(&Ident::new(&token.to_string(), Span::call_site()))).collect();
    let mut items = Tokens::new();
    let mut arms = Tokens::new();
    let mut listed = Tokens::new();
    for (number, name) in names.iter().enumerate() {
        let part = section_part(name);
        let mark = format_ident!("{}", part);
        let sections = [format!("uosrun_exports_{part}"), format!("uosrun_hashes_{part}")];
        let symbol = |edge: &str, index: usize| format!("__{edge}_{}", sections[index]);
        let idents: Vec<Ident> = ["ROWS", "ROWS_END", "HASHES"].iter().map(|s| format_ident!("{}_{}", s, number)).collect();
        let (rows, rows_end, hashes) = (&idents[0], &idents[1], &idents[2]);
        let (rows_link, end_link, hashes_link) = (symbol("start", 0), symbol("stop", 0), symbol("start", 1));
        let empty = sections.iter().map(|s| format!(".pushsection {s},\"aR\",@progbits\n.popsection\n")).collect::<String>();
        items.extend(quote! {
            ::core::arch::global_asm!(#empty);
            unsafe extern "C" {
                #[link_name = #rows_link]
                static #rows: Export;
                #[link_name = #end_link]
                static #rows_end: Export;
                #[link_name = #hashes_link]
                static #hashes: u64;
            }
        });
        arms.extend(quote!(#name => (#name, &raw const #rows, &raw const #rows_end, &raw const #hashes),));
        listed.extend(quote!(pub const #mark: () = ();));
    }
    quote! {
        #items
        fn sections(name: &str) -> Option<(&'static str, *const Export, *const Export, *const u64)> {
            Some(match name {
                #arms
                _ => return None,
            })
        }
        /// File names of all builtin DLLs.
        pub const NAMES: &[&str] = &[#(#names),*];
        /// One constant for each DLL of the list, so that an export of another is a compile error here.
        #[allow(non_upper_case_globals)]
        pub mod listed {
            #listed
        }
    }
    .into()
}

/// What tells the items of one attribute from those of others in the same module.
fn tag(spec: &Spec, name: &str) -> String {
    format!("{:016x}", hash(&format!("{}!{name}#{}", spec.dlls.join("+"), spec.ordinal)))
}

/// Text as it stands in an assembler string that is a format string too.
fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for byte in text.bytes() {
        match byte {
            b'{' | b'}' => quoted.extend([byte as char; 2]),
            b'"' | b'\\' => quoted.extend(['\\', byte as char]),
            b' '..=b'~' => quoted.push(byte as char),
            _ => quoted.push_str(&format!("\\{byte:03o}")),
        }
    }
    quoted
}

/// FNV-1a, 64 bits, as in `abi::hash`, which this crate cannot import: abi imports it.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |value, byte| (value ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn type_text(ty: &Type) -> String {
    quote!(#ty).to_string().replace(' ', "")
}

/// The arguments of [`export_asm!`] and [`export_data!`]: `symbol => ` and then those of `#[export]`.
struct SymbolSpec {
    symbol: syn::Path,
    spec: Spec,
}

impl Parse for SymbolSpec {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let symbol = input.parse()?;
        input.parse::<Token![=>]>()?;
        Ok(SymbolSpec { symbol, spec: input.parse()? })
    }
}

/// Exports code that needs the caller's registers as they are: a naked function.
///
/// `export_asm!(rtl_capture_context => ntdll + kernel32, full, name = "RtlCaptureContext");`
#[proc_macro]
pub fn export_asm(input: TokenStream) -> TokenStream {
    let SymbolSpec { symbol, spec } = parse_macro_input!(input as SymbolSpec);
    symbol_rows(&spec, 'a', &symbol)
}

/// Exports a variable: `export_data!(ACMDLN => msvcrt, full, name = "_acmdln");`. The symbol is a static.
#[proc_macro]
pub fn export_data(input: TokenStream) -> TokenStream {
    let SymbolSpec { symbol, spec } = parse_macro_input!(input as SymbolSpec);
    symbol_rows(&spec, 'd', &symbol)
}

fn symbol_rows(spec: &Spec, kind: char, symbol: &syn::Path) -> TokenStream {
    // As seen from the row's module.
    let symbol = if symbol.segments.first().is_some_and(|s| s.ident == "crate") { quote!(#symbol) } else { quote!(super::#symbol) };
    rows(spec, &spec.name.clone().unwrap_or_default(), kind, symbol, "", "").into()
}

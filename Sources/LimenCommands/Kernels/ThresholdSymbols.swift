/// What a threshold must define: the symbols that the reference kernel takes from it, and who needs each.
///
/// `ReferenceKernel/README.md`; Xen `xen/include/public/callback.h`, `CALLBACKTYPE_syscall`, `CALLBACKF_mask_events`.

struct ThresholdSymbol {
  var name: String
  var purpose: String

  static let required = [
    ThresholdSymbol(
      name: "entry_SYSCALL_64", purpose: "where SYSCALL from 64-bit code enters on bare metal (IA32_LSTAR)"),
    ThresholdSymbol(
      name: "entry_SYSCALL_compat", purpose: "where SYSCALL from compatibility code enters on bare metal (CSTAR)"),
    ThresholdSymbol(
      name: "entry_SYSENTER_compat", purpose: "where SYSENTER enters on bare metal (IA32_SYSENTER_EIP)"),
    ThresholdSymbol(name: "xen_syscall_target", purpose: "Xen's callback for SYSCALL from 64-bit code"),
    ThresholdSymbol(name: "xen_syscall32_target", purpose: "Xen's callback for SYSCALL from compatibility code"),
    ThresholdSymbol(name: "xen_sysenter_target", purpose: "Xen's callback for SYSENTER"),
    ThresholdSymbol(
      name: "xen_callback_flags",
      purpose: "1 to register Xen's SYSCALL callbacks with CALLBACKF_mask_events, 0 to register them without"),
  ]

  static func purpose(of name: String) -> String? { required.first { $0.name == name }?.purpose }
}

// What Xen tells a domain of the processor: guest_cpuid in xen/arch/x86/cpuid.c and guest_rdmsr in xen/arch/x86/msr.c, by the policy that
// xen/arch/x86/cpu-policy.c makes. It differs from processor to processor, so it is no part of what is recorded: the kernel's command line
// asks for it.

/// True when the command line asks for it.
func processor() -> Bool {
  guard commandLine(endsWith: "processor") else { return false }
  topic = "processor"
  for first: UInt in [0, 0x4000_0000, 0x8000_0000] {
    // Some more than there are, as they must not be there.
    for leaf in first..<first + 0x28 {
      cpuid("subleaf-0", leaf, 0)
      cpuid("subleaf-1", leaf, 1)
      cpuid("subleaf-2", leaf, 2)
    }
  }
  for register: UInt in [
    // SPEC_CTRL, IA32_CORE_CAPABILITIES, IA32_ARCH_CAPABILITIES, MCU_OPT_CTRL, TSX_CTRL, VIRT_SPEC_CTRL, AMD's DE_CFG
    0x48, 0xCF, 0x10A, 0x123, 0x122, 0xC001_011F, 0xC001_1029,
  ] {
    observe("msr", .kernel, code_rdmsr_ecx()) {
      $0.frame.rcx = register
      $0.suffix = register
    }
  }
  return true
}

private func cpuid(_ name: StaticString, _ leaf: UInt, _ subleaf: UInt) {
  observe(name, .kernel, code_xen_cpuid()) {
    $0.frame.rax = leaf
    $0.frame.rcx = subleaf
    $0.suffix = leaf
  }
}

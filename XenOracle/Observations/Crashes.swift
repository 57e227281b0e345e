// What Xen crashes a domain for, one boot each: the kernel's command line is the name of the case. asm_domain_crash_synchronous in
// xen/arch/x86/x86_64/entry.S, exit_and_crash in pv/iret.c, SCHEDOP_shutdown.

private let inXen: UInt = 0xFFFF_8300_0000_0000

/// The user window's stack page with nothing below it: the frame's last words do not fit.
private let stackEnd = Memory.stackTop - 4096 + 48

/// True when the command line names a case: it has been tried, and survived.
func crash() -> Bool {
  topic = "crash"
  if attempt("iret-frame-absent") { enter(Memory.window + 0x3000) }
  if attempt("iret-frame-half-absent") { enter(Memory.window + 0x1000 + 0x2000 - 32) }
  if attempt("iret-frame-in-xen") { enter(inXen) }
  if attempt("iret-frame-non-canonical") { enter(0x8000_0000_0000) }
  if attempt("iret-no-user-tables") {
    ExtendedMMU.newUserBase(0)
    observe("survived", .user, code_nothing())
  }
  if attempt("stack-absent") { observe("survived", .kernel, code_int3()) { $0.frame.rsp = Memory.window + 0x4000 } }
  if attempt("stack-read-only") { observe("survived", .kernel, code_int3()) { $0.frame.rsp = Memory.window + 0x2000 } }
  if attempt("stack-half-read-only") {
    observe("survived", .kernel, code_int3()) { $0.frame.rsp = Memory.window + 0x2000 + 32 }
  }
  if attempt("stack-half-absent") { observe("survived", .kernel, code_hlt()) { $0.frame.rsp = stackEnd } }
  if attempt("stack-0") { observe("survived", .kernel, code_int3()) { $0.frame.rsp = 0 } }
  if attempt("stack-in-xen") { observe("survived", .kernel, code_int3()) { $0.frame.rsp = inXen + 0x1000 } }
  if attempt("stack-non-canonical") { observe("survived", .kernel, code_int3()) { $0.frame.rsp = 0x8000_0000_1000 } }
  if attempt("kernel-stack-absent") {
    observe("survived", .user, code_int3()) { _ in Hypercall.stackSwitch(Selector.data, Memory.window + 0x4000) }
  }
  if attempt("kernel-stack-in-xen") {
    observe("survived", .user, code_int3()) { _ in Hypercall.stackSwitch(Selector.data, inXen + 0x1000) }
  }
  if attempt("kernel-stack-user-only-mapping") {
    // A stack that only the user's page tables map: the frame is pushed with the kernel's.
    Memory.update(Memory.machine(Memory.kernelL4), 0)
    observe("survived", .user, code_int3()) { _ in Hypercall.stackSwitch(Selector.data, Memory.stackTop) }
  }
  if attempt("no-handler") { observe("survived", .user, code_ud2()) { _ in Hypercall.setTrapTable(0) } }
  if attempt("no-handler-kernel") { observe("survived", .kernel, code_ud2()) { _ in Hypercall.setTrapTable(0) } }
  if attempt("no-page-fault-handler") {
    observe("survived", .user, code_load_rdx()) { _ in
      Hypercall.setTrapTable(0)
      case_start.rdx = 0
    }
  }
  if attempt("no-syscall-handlers") {
    observe("survived", .user, code_syscall()) { _ in
      Hypercall.setTrapTable(0)
      Callback.syscall.register(0, maskEvents: false)
    }
  }
  if attempt("no-event-callback") {
    observe("survived", .user, code_nothing()) { _ in
      Callback.event.register(0, maskEvents: false)
      store_byte(vcpu_info, 1)
    }
  }
  // SYSENTER saves no RSP: in kernel mode the frame goes below address 0. Intel's processors alone.
  if attempt("sysenter-kernel") { observe("survived", .kernel, code_sysenter()) }
  if attempt("shutdown-crash") { shutDown(3) }
  return attempted
}

nonisolated(unsafe) private var attempted = false

private func attempt(_ name: StaticString) -> Bool {
  guard commandLine(endsWith: name) else { return false }
  attempted = true
  var output = Line()
  output.put("crash/")
  output.put(name)
  output.end()
  return true
}

/// The iret hypercall with its frame at an address.
private func enter(_ address: UInt) {
  observe("survived", .kernel, code_iret_frame()) { _ in case_start.rdx = address }
}

/// console_io: the hypervisor's own console. Xen `xen/drivers/char/console.c`, `do_console_io`; `xen/include/xsm/dummy.h`,
/// `xsm_console_io`: only a privileged domain may use it in a release build.
extension XenPVComputer {
  func consoleIO(_ call: HypercallArguments) throws(Errno) -> Int64 {
    guard domain.isPrivileged else { throw .EPERM }
    let count = call.second & 0xFFFF_FFFF
    switch call.first & 0xFFFF_FFFF {
    case 0:
      // In pieces of 127 bytes, as Xen has it: those before a fault are out.
      var done: UInt64 = 0
      while done < count {
        if done > 1 << 16 {
          continuation = HypercallArguments(number: call.number, [call.first, count - done, call.third &+ done])
          return 0
        }
        let piece = min(count - done, 127)
        for byte in try copyFromGuest(call.third &+ done, count: Int(piece)) { console?(byte) }
        done += piece
      }
      return 0
    case 1:
      guard count <= Int32.max else { throw .E2BIG }
      let bytes = Array(domain.consoleInput.prefix(Int(count)))
      try copyToGuest(bytes, call.third)
      domain.consoleInput.removeFirst(bytes.count)
      return Int64(bytes.count)
    default: throw .ENOSYS
    }
  }
}

/// xen_version: who the hypervisor is and what it can do. Xen `xen/common/kernel.c`, `do_xen_version`;
/// `xen/include/public/version.h`, XENVER_*; `xen/include/xsm/dummy.h`, `xsm_xen_version`.
extension XenPVComputer {
  /// 4.17.
  static let version: (major: UInt32, minor: UInt32) = (4, 17)

  func xenVersion(_ call: HypercallArguments) throws(Errno) -> Int64 {
    let argument = call.second
    switch call.first & 0xFFFF_FFFF {
    case 0: return Int64(Self.version.major << 16 | Self.version.minor)
    case 1: try copyToGuest(Self.text(".7", 16), argument)
    case 2:
      // Compiler, who, where, when: a hypervisor that nobody compiled has none of them to tell.
      let fields = [("Limen", 64), ("", 16), ("", 32), ("", 32)]
      try copyToGuest(fields.flatMap { Self.text($0.0, $0.1) }, argument)
    case 3: try copyToGuest(Self.text("xen-3.0-x86_64 ", 1024), argument)
    case 4: try copyToGuest(Self.text("", 64), argument)
    case 5: try copyToGuest(littleEndian(Layout.hypervisorStart), argument)
    case 6: try features(argument)
    case 7:
      guard argument == 0 else { throw .EINVAL }
      return 4096
    case 8: try copyToGuest([UInt8](repeating: 0, count: 16), argument)
    case 9: try copyToGuest(domain.isPrivileged ? Self.text("", 1024) : Self.text("<denied>", 9), argument)
    case 10:
      guard domain.isPrivileged else { throw .EPERM }
      // Without a build id in the hypervisor's image.
      throw .ENODATA
    default: throw .ENOSYS
    }
    return 0
  }

  /// { u32 submap_idx, submap; }, XENFEAT_* of `xen/include/public/features.h`.
  private func features(_ argument: UInt64) throws(Errno) {
    var raw = try copyFromGuest(argument, count: 8)
    guard (raw.field(0) as UInt32) == 0 else { throw .EINVAL }
    // mmu_pt_update_preserve_ad, highmem_assist, gnttab_map_avail_bits, memory_op_vnode_supported, direct_mapped
    var features: UInt32 = 1 << 5 | 1 << 6 | 1 << 7 | 1 << 13 | 1 << 17
    // pae_pgdir_above_4gb
    if domain.hasAssist(.paeExtendedCR3) { features |= 1 << 4 }
    // dom0
    if domain.isPrivileged { features |= 1 << 11 }
    raw.setField(4, features)
    try copyToGuest(raw, argument)
  }

  /// A text in a field of `count` bytes, zeros after it.
  private static func text(_ text: String, _ count: Int) -> [UInt8] {
    let bytes = Array(text.utf8.prefix(count - 1))
    return bytes + [UInt8](repeating: 0, count: count - bytes.count)
  }
}

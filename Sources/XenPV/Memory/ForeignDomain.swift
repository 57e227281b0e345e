/// The domains that a memory call may name. There is one domain here; a domU knows that domain 0 exists as well.
///
/// Xen `xen/common/page_alloc.c`, `get_pg_owner`; `xen/include/xsm/dummy.h`, `xsm_default_action` with XSM_TARGET.
enum ForeignDomain {
  /// The caller itself.
  case own
  /// DOMID_IO: memory of devices.
  case io
  /// DOMID_XEN, or domain 0 seen from a domU.
  case other
}

enum DomainIdentifier {
  static let own: UInt16 = 0x7FF0
  static let io: UInt16 = 0x7FF1
  static let xen: UInt16 = 0x7FF2
}

extension XenPVComputer {
  /// get_pg_owner.
  func pageOwner(_ identifier: UInt16) throws(Errno) -> ForeignDomain {
    switch identifier {
    case domain.identifier: throw .ESRCH
    case DomainIdentifier.own: return .own
    case DomainIdentifier.io: return .io
    case DomainIdentifier.xen, 0: return .other
    default: throw .ESRCH
    }
  }

  /// rcu_lock_domain_by_any_id: nil where there is no such domain.
  func anyDomain(_ identifier: UInt16) -> ForeignDomain? {
    switch identifier {
    case DomainIdentifier.own, domain.identifier: .own
    case 0: .other
    default: nil
    }
  }

  /// XSM_TARGET: a domain may do it to itself, and a privileged one to any.
  func checkTarget(_ target: ForeignDomain) throws(Errno) {
    guard target == .own || domain.isPrivileged else { throw .EPERM }
  }

  /// vcpumask_to_pcpumask: the mask need only be readable, for there is one virtual CPU.
  func checkCPUMask(_ address: UInt64) throws(Errno) { _ = try copyFromGuest(address, count: 8) }
}

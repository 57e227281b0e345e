/// Reading and writing what the guest points at. Xen `xen/arch/x86/include/asm/guest_access.h`, `x86_64/uaccess.h`.
import Machine

extension XenPVComputer {
  /// access_ok: the whole range is the guest's.
  func isAccessible(_ address: UInt64, count: Int) -> Bool {
    if count == 0 { return true }
    let (last, wraps) = address.addingReportingOverflow(UInt64(count - 1))
    return !wraps && Layout.isGuestAddress(address) && Layout.isGuestAddress(last)
      && (address >> 47 == last >> 47 || count < 1 << 30)
  }

  /// copy_from_guest.
  func copyFromGuest(_ address: UInt64, count: Int) throws(Errno) -> [UInt8] {
    guard isAccessible(address, count: count), let bytes = processor.copyFromGuest(address, count: count) else {
      throw .EFAULT
    }
    processor.hear(bytes, at: address, isWrite: false)
    return bytes
  }

  /// copy_to_guest.
  func copyToGuest(_ bytes: [UInt8], _ address: UInt64) throws(Errno) {
    guard isAccessible(address, count: bytes.count), processor.copyToGuest(bytes, address) else { throw .EFAULT }
    processor.hear(bytes, at: address, isWrite: true)
  }

  func guestWord(_ address: UInt64) throws(Errno) -> UInt64 {
    guard isAccessible(address, count: 8), let word = processor.loadGuest(address) else { throw .EFAULT }
    return word
  }

  func setGuestWord(_ address: UInt64, _ value: UInt64) throws(Errno) {
    guard isAccessible(address, count: 8), processor.storeGuest(address, value) else { throw .EFAULT }
  }
}

/// Fields of a structure that was copied from the guest, by byte offset, little-endian.
extension [UInt8] {
  func field<W: FixedWidthInteger & UnsignedInteger>(_ offset: Int, as type: W.Type = W.self) -> W {
    withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: W.self) }
  }

  mutating func setField<W: FixedWidthInteger & UnsignedInteger>(_ offset: Int, _ value: W) {
    withUnsafeMutableBytes { $0.storeBytes(of: value.littleEndian, toByteOffset: offset, as: W.self) }
  }
}

/// The bytes of a value as the guest's structures have them.
func littleEndian<W: FixedWidthInteger & UnsignedInteger>(_ value: W) -> [UInt8] {
  Swift.withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) }
}

/// Which pages of RAM the host has given memory to. Most of a guest's RAM is never touched, and to read it would be to ask the host
/// for a page of zeros at a time.
#if canImport(Glibc)
  import Glibc
#endif

extension PhysicalMemory {
  /// Bits of an entry of /proc/pid/pagemap, one of 64 bits for each page of the address space: the page is in memory, or in swap.
  /// Linux, Documentation/admin-guide/mm/pagemap.rst.
  private static let presentOrSwapped: UInt64 = 3 << 62

  /// For each page, whether it was touched; nil where the pages are a file's, or the host does not say.
  func touchedPages() -> [Bool]? {
    if isFile { return nil }
    let descriptor = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var entries = [UInt64](repeating: 0, count: size / Self.pageSize)
    let first = Int(bitPattern: base) / Self.pageSize * 8
    let isWhole = entries.withUnsafeMutableBytes { bytes in
      var done = 0
      while done < bytes.count {
        let count = pread(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(first + done))
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { return false }
        done += count
      }
      return true
    }
    return isWhole ? entries.map { $0 & Self.presentOrSwapped != 0 } : nil
  }
}

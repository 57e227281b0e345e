/// Where the snapshots of boots lie, how one is read, written and replaced, and which are kept.
import Foundation
import KernelImage
import Machine
import Platform

extension BootSnapshot {
  private static let layout = 4

  /// Names this build: a digest of what is loaded of the running program's file. The rest, three quarters of it, is for debuggers.
  package static let build: String = {
    guard let bytes = try? Data(contentsOf: URL(filePath: "/proc/self/exe"), options: .alwaysMapped) else {
      return "unknown"
    }
    var words = WordDigest()
    bytes.withUnsafeBytes { raw in
      for i in 0..<endOfLoaded(raw) / 8 { words.add(raw.loadUnaligned(fromByteOffset: i * 8, as: UInt64.self)) }
    }
    return String(words.value, radix: 16) + "-\(bytes.count)"
  }()

  /// Behind the last byte of a 64-bit ELF file that is loaded: System V ABI, "Program Header". The file's end where it does not say.
  private static func endOfLoaded(_ file: UnsafeRawBufferPointer) -> Int {
    guard file.count >= MemoryLayout<Elf64_Ehdr>.size else { return file.count }
    let header = file.loadUnaligned(as: Elf64_Ehdr.self)
    var end = 0
    for i in 0..<Int(header.e_phnum) {
      let place = Int(header.e_phoff) + i * Int(header.e_phentsize)
      guard place >= 0, place <= file.count - MemoryLayout<Elf64_Phdr>.size else { return file.count }
      let segment = file.loadUnaligned(fromByteOffset: place, as: Elf64_Phdr.self)
      if segment.p_type == PT_LOAD { end = max(end, Int(segment.p_offset + segment.p_filesz)) }
    }
    return end > 0 && end <= file.count ? end : file.count
  }

  /// The key of this snapshot. The bound is in it, so that an answer does not depend on what the cache holds: a boot that another
  /// bound allowed says nothing about this one.
  private var key: String {
    let parts =
      [
        "\(Self.layout)", Self.build, guest.kernel.digest, platform.rawValue, profile.name, "\(guest.memory)",
        guest.commandLine, SHA256.hexadecimal(of: guest.initrd), "\(bound)",
      ] + (guest.hypervisor.map { [$0.image.digest, $0.commandLine] } ?? [])
    return SHA256.hexadecimal(of: Array(parts.joined(separator: "\n").utf8))
  }

  /// For `limen cache`, and nothing depends on it.
  private var label: String {
    let release = guest.kernel.release.map { guest.kernel.name.contains($0) ? "" : " (\($0))" } ?? ""
    return "\(guest.kernel.name)\(release), \(platform.rawValue), \(profile.name), \(guest.memory) MiB"
  }

  private var folder: URL? { cache?.appending(path: key) }

  /// Something lies in the cache under its name.
  package var isKept: Bool { folder.map(Self.exists) ?? false }

  func load(_ warn: (String) -> Void) -> (any PlatformComputer)? {
    guard let folder, Self.exists(folder) else { return nil }
    if let computer = load(folder) { return computer }
    // Somebody else may have removed it meanwhile.
    if Self.exists(folder) {
      warn("the snapshot of a boot, \(folder.path), is damaged or not this Limen's; the kernel is booted again")
      // Whatever lies there would stand in the way of another.
      try? FileManager.default.removeItem(at: folder)
    }
    return nil
  }

  /// Whether something lies there, a link that leads nowhere included.
  private static func exists(_ url: URL) -> Bool {
    var status = stat()
    return lstat(url.path, &status) == 0
  }

  private func load(_ folder: URL) -> (any PlatformComputer)? {
    guard let type = platform.computer, let processor = Self.contents(of: "processor", in: folder),
      let rest = Self.contents(of: "platform", in: folder), let seal = Self.contents(of: "seal", in: folder),
      let memory = Self.open("memory", in: folder)
    else { return nil }
    defer { close(memory.descriptor) }
    let archive = ComputerArchive(processor: processor, platform: rest)
    guard let own = SnapshotSeal(archive, memory: memory.descriptor, key: key), seal == Array(own.text.utf8) else {
      return nil
    }
    // The time of use orders the cache.
    utimensat(AT_FDCWD, folder.path, nil, 0)
    return type.resume(archive, guest: guest, file: memory.descriptor, fileSize: memory.size, profile: profile)
  }

  /// State is a few megabytes.
  private static let largestState = 1 << 28

  /// A regular file of the folder, open, with its size. Anything else, as a pipe that nobody writes to, is none of ours.
  private static func open(_ name: String, in folder: URL) -> (descriptor: Int32, size: Int)? {
    let descriptor = Foundation.open(folder.appending(path: name).path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
    guard descriptor >= 0 else { return nil }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      return nil
    }
    return (descriptor, Int(status.st_size))
  }

  private static func contents(of name: String, in folder: URL) -> [UInt8]? {
    guard let file = open(name, in: folder) else { return nil }
    let handle = FileHandle(fileDescriptor: file.descriptor, closeOnDealloc: true)
    guard file.size <= largestState, let data = try? handle.readToEnd() ?? Data(), data.count == file.size else {
      return nil
    }
    return [UInt8](data)
  }

  func save(_ computer: any PlatformComputer) {
    guard let cache, let folder, let archive = computer.archive else { return }
    let files = FileManager.default
    let draft = cache.appending(path: "draft-\(getpid())-\(key.prefix(16))")
    do {
      try files.createDirectory(at: draft, withIntermediateDirectories: true)
      try Data(archive.processor).write(to: draft.appending(path: "processor"))
      try Data(archive.platform).write(to: draft.appending(path: "platform"))
      let seal = try writeMemory(computer.processor.memory, beside: archive, to: draft.appending(path: "memory").path)
      try Data(seal.text.utf8).write(to: draft.appending(path: "seal"))
      try Data(label.utf8).write(to: draft.appending(path: "label"))
      // Somebody else may have been faster; theirs is as good.
      if !files.fileExists(atPath: folder.path) { try files.moveItem(at: draft, to: folder) }
      SnapshotCache.trim(cache)
    } catch {}
    try? files.removeItem(at: draft)
  }

  private struct WriteFailure: Error {}

  /// Writes RAM, leaving holes where it is zero, and seals it together with the rest.
  private func writeMemory(_ memory: PhysicalMemory, beside archive: ComputerArchive, to path: String) throws
    -> SnapshotSeal
  {
    let descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw WriteFailure() }
    defer { close(descriptor) }
    guard ftruncate(descriptor, off_t(memory.size)) == 0 else { throw WriteFailure() }
    let written = memory.forEachNonzeroPage { address, bytes in
      var done = 0
      while done < bytes.count {
        let count = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(address) + off_t(done))
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { return false }
        done += count
      }
      return true
    }
    guard written, let seal = SnapshotSeal(archive, memory: descriptor, key: key) else { throw WriteFailure() }
    return seal
  }
}

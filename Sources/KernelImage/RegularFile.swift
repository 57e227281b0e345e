import Foundation

/// The whole of a regular file. Anything else (a directory, a pipe, a device that never ends) is refused before a byte is read,
/// and so is a file larger than the bound.
func readRegularFile(_ path: String, atMost bound: Int) throws(ImageError) -> [UInt8] {
  func unreadable(_ reason: String) -> ImageError { ImageError(kind: .unreadable, file: path, reason: reason) }
  func systemError() -> ImageError { unreadable(String(cString: strerror(errno))) }

  // Opening a pipe without O_NONBLOCK would wait for its writer.
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard descriptor >= 0 else { throw systemError() }
  defer { close(descriptor) }
  var status = stat()
  guard fstat(descriptor, &status) == 0 else { throw systemError() }
  guard status.st_mode & S_IFMT == S_IFREG else { throw unreadable("not a regular file") }
  guard status.st_size <= bound else {
    throw unreadable("\(status.st_size) bytes, more than the \(bound) that it may have")
  }

  let size = Int(status.st_size)
  var failure: ImageError?
  let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, initialised in
    while initialised < size {
      let count = read(descriptor, buffer.baseAddress! + initialised, size - initialised)
      if count > 0 {
        initialised += count
      } else if count == 0 {  // The file shrank meanwhile; the rest of the checks see it as it is now.
        return
      } else if errno != EINTR {
        failure = systemError()
        return
      }
    }
  }
  if let failure { throw failure }
  return bytes
}

// A memory fence whose other side is no thread of this program, but the kernel or a device.
// ThreadSanitizer knows no fences and sees nothing of that side: there it is left out.
#pragma once

namespace assay::engine {

// Order: __ATOMIC_ACQUIRE, __ATOMIC_RELEASE or __ATOMIC_SEQ_CST.
template <int Order>
void outside_fence() {
#if !defined(__SANITIZE_THREAD__)
  __atomic_thread_fence(Order);
#endif
}

}  // namespace assay::engine

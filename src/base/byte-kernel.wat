;; The loops that take most of the time of snapshots and DUMP, where 64-bit words in one instruction count: CRC-64, and
;; LZF in both directions. base/crc64.ts and server/persistence/lzf.ts say what they compute, and are who calls them.
;;
;; Memory, see byte-kernel.ts:
;;        0  tables of the CRC: 8 of 256 words of 64 bits
;;    16384  the last place of each hash of three bytes: 16384 words of 32 bits
;;    81920  two words of 32 bits: what was counted, and what `expand` has consumed
;;    81936  input, output, and behind either a few bytes that may be read or written beyond its end
(module
  (memory (export "memory") 34)

  ;; Table k holds the effect of a byte with k bytes still to come.
  (func $prepare (export "prepare")
    (local $i i32) (local $crc i64) (local $bit i32)
    (loop $bytes
      (local.set $crc (i64.extend_i32_u (local.get $i)))
      (local.set $bit (i32.const 8))
      (loop $bits
        (local.set $crc
          (i64.xor
            (i64.shr_u (local.get $crc) (i64.const 1))
            (i64.and
              (i64.const 0x95ac9329ac4bc9b5)
              (i64.sub (i64.const 0) (i64.and (local.get $crc) (i64.const 1))))))
        (br_if $bits (local.tee $bit (i32.sub (local.get $bit) (i32.const 1)))))
      (i64.store (i32.shl (local.get $i) (i32.const 3)) (local.get $crc))
      (br_if $bytes (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 256))))
    (loop $words
      (local.set $crc (i64.load (i32.shl (i32.sub (local.get $i) (i32.const 256)) (i32.const 3))))
      (i64.store
        (i32.shl (local.get $i) (i32.const 3))
        (i64.xor
          (i64.shr_u (local.get $crc) (i64.const 8))
          (i64.load (i32.shl (i32.and (i32.wrap_i64 (local.get $crc)) (i32.const 255)) (i32.const 3)))))
      (br_if $words (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 2048))))
    ;; Places begin as 0, which must lie before the start of any input.
    (i32.store (i32.const 81920) (i32.const 1)))

  (func $crc64 (export "crc64") (param $crc i64) (param $at i32) (param $len i32) (result i64)
    (local $end i32) (local $low i32) (local $high i32)
    (local.set $end (i32.add (local.get $at) (local.get $len)))
    (block $rest
      (loop $words
        (br_if $rest (i32.lt_s (i32.sub (local.get $end) (local.get $at)) (i32.const 8)))
        (local.set $crc (i64.xor (local.get $crc) (i64.load (local.get $at))))
        (local.set $low (i32.wrap_i64 (local.get $crc)))
        (local.set $high (i32.wrap_i64 (i64.shr_u (local.get $crc) (i64.const 32))))
        (local.set $crc
          (i64.xor
            (i64.xor
              (i64.xor
                (i64.load offset=14336 (i32.shl (i32.and (local.get $low) (i32.const 255)) (i32.const 3)))
                (i64.load offset=12288 (i32.and (i32.shr_u (local.get $low) (i32.const 5)) (i32.const 2040))))
              (i64.xor
                (i64.load offset=10240 (i32.and (i32.shr_u (local.get $low) (i32.const 13)) (i32.const 2040)))
                (i64.load offset=8192 (i32.and (i32.shr_u (local.get $low) (i32.const 21)) (i32.const 2040)))))
            (i64.xor
              (i64.xor
                (i64.load offset=6144 (i32.shl (i32.and (local.get $high) (i32.const 255)) (i32.const 3)))
                (i64.load offset=4096 (i32.and (i32.shr_u (local.get $high) (i32.const 5)) (i32.const 2040))))
              (i64.xor
                (i64.load offset=2048 (i32.and (i32.shr_u (local.get $high) (i32.const 13)) (i32.const 2040)))
                (i64.load (i32.and (i32.shr_u (local.get $high) (i32.const 21)) (i32.const 2040)))))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br $words)))
    (block $done
      (loop $bytes
        (br_if $done (i32.eq (local.get $at) (local.get $end)))
        (local.set $crc
          (i64.xor
            (i64.shr_u (local.get $crc) (i64.const 8))
            (i64.load
              (i32.shl
                (i32.and (i32.xor (i32.wrap_i64 (local.get $crc)) (i32.load8_u (local.get $at))) (i32.const 255))
                (i32.const 3)))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $bytes)))
    (local.get $crc))

  ;; Answers the compressed length, or 0 when it would take more than `room` bytes.
  (func $compress (export "compress") (param $at i32) (param $len i32) (param $out i32) (param $room i32) (result i32)
    (local $shift i32) (local $end i32) (local $out_end i32) (local $literals i32) (local $i i32) (local $to i32)
    (local $word i32) (local $slot i32) (local $from i32) (local $length i32) (local $max i32) (local $diff i64)
    ;; Places are counted over everything that was ever compressed, so that the table need not be cleared each time.
    (local.set $shift (i32.load (i32.const 81920)))
    (if (i32.gt_u (local.get $shift) (i32.const 0x7f000000))
      (then
        (memory.fill (i32.const 16384) (i32.const 0) (i32.const 65536))
        (local.set $shift (i32.const 1))))
    (i32.store (i32.const 81920) (i32.add (local.get $shift) (local.get $len)))
    (local.set $shift (i32.sub (local.get $shift) (local.get $at)))
    (local.set $end (i32.add (local.get $at) (local.get $len)))
    (local.set $out_end (i32.add (local.get $out) (local.get $room)))
    (local.set $to (local.get $out))
    (local.set $i (local.get $at))
    (local.set $literals (local.get $at))
    (block $done
      (loop $search
        (br_if $done (i32.ge_s (local.get $i) (i32.sub (local.get $end) (i32.const 2))))
        (local.set $word (i32.load (local.get $i)))
        (local.set $slot
          (i32.shl
            (i32.shr_u
              (i32.mul (i32.shl (local.get $word) (i32.const 8)) (i32.const 0x9e3779b1))
              (i32.const 18))
            (i32.const 2)))
        (local.set $from (i32.sub (i32.load offset=16384 (local.get $slot)) (local.get $shift)))
        (i32.store offset=16384 (local.get $slot) (i32.add (local.get $i) (local.get $shift)))
        (block $match
          (block $none
            (br_if $none (i32.lt_s (local.get $from) (local.get $at)))
            (br_if $none (i32.gt_s (i32.sub (local.get $i) (local.get $from)) (i32.const 8192)))
            (br_if $match
              (i32.eqz (i32.shl (i32.xor (i32.load (local.get $from)) (local.get $word)) (i32.const 8)))))
          ;; The longer nothing was found, the fewer places are looked at: noise costs little.
          (local.set $i
            (i32.add
              (i32.add (local.get $i) (i32.const 1))
              (i32.shr_u (i32.sub (local.get $i) (local.get $literals)) (i32.const 6))))
          (br $search))
        (if (i32.ne (local.get $i) (local.get $literals))
          (then
            (local.set $to
              (call $put_literals (local.get $literals) (local.get $i) (local.get $to) (local.get $out_end)))))
        (if (i32.gt_s (i32.add (local.get $to) (i32.const 3)) (local.get $out_end)) (then (return (i32.const 0))))
        (local.set $max (i32.sub (local.get $end) (local.get $i)))
        (if (i32.gt_s (local.get $max) (i32.const 264)) (then (local.set $max (i32.const 264))))
        (local.set $length (i32.const 3))
        (block $cut
          (loop $same
            (local.set $diff
              (i64.xor
                (i64.load (i32.add (local.get $from) (local.get $length)))
                (i64.load (i32.add (local.get $i) (local.get $length)))))
            (if (i64.eqz (local.get $diff))
              (then
                (local.set $length (i32.add (local.get $length) (i32.const 8)))
                (br_if $same (i32.lt_s (local.get $length) (local.get $max)))
                (br $cut)))
            (local.set $length
              (i32.add (local.get $length) (i32.shr_u (i32.wrap_i64 (i64.ctz (local.get $diff))) (i32.const 3))))))
        (if (i32.gt_s (local.get $length) (local.get $max)) (then (local.set $length (local.get $max))))
        (local.set $to
          (call $put_match
            (local.get $to)
            (local.get $length)
            (i32.sub (i32.sub (local.get $i) (local.get $from)) (i32.const 1))))
        (local.set $i (i32.add (local.get $i) (local.get $length)))
        (local.set $literals (local.get $i))
        (br $search)))
    (local.set $to (call $put_literals (local.get $literals) (local.get $end) (local.get $to) (local.get $out_end)))
    (if (i32.gt_s (local.get $to) (local.get $out_end)) (then (return (i32.const 0))))
    (i32.sub (local.get $to) (local.get $out)))

  ;; Answers where the output ends then: a place beyond `out_end` when there is no room.
  (func $put_literals (param $from i32) (param $until i32) (param $to i32) (param $out_end i32) (result i32)
    (local $count i32)
    (block $done
      (loop $runs
        (br_if $done (i32.eq (local.get $from) (local.get $until)))
        (local.set $count (i32.sub (local.get $until) (local.get $from)))
        (if (i32.gt_s (local.get $count) (i32.const 32)) (then (local.set $count (i32.const 32))))
        (if
          (i32.gt_s
            (i32.add (i32.add (local.get $to) (local.get $count)) (i32.const 1))
            (local.get $out_end))
          (then (return (i32.add (local.get $out_end) (i32.const 1)))))
        (i32.store8 (local.get $to) (i32.sub (local.get $count) (i32.const 1)))
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (call $copy (local.get $from) (local.get $to) (local.get $count))
        (local.set $from (i32.add (local.get $from) (local.get $count)))
        (local.set $to (i32.add (local.get $to) (local.get $count)))
        (br $runs)))
    (local.get $to))

  (func $put_match (param $to i32) (param $length i32) (param $offset i32) (result i32)
    (if (i32.lt_s (local.get $length) (i32.const 9))
      (then
        (i32.store8
          (local.get $to)
          (i32.or
            (i32.shl (i32.sub (local.get $length) (i32.const 2)) (i32.const 5))
            (i32.shr_u (local.get $offset) (i32.const 8))))
        (i32.store8 offset=1 (local.get $to) (local.get $offset))
        (return (i32.add (local.get $to) (i32.const 2)))))
    (i32.store8 (local.get $to) (i32.or (i32.const 0xe0) (i32.shr_u (local.get $offset) (i32.const 8))))
    (i32.store8 offset=1 (local.get $to) (i32.sub (local.get $length) (i32.const 9)))
    (i32.store8 offset=2 (local.get $to) (local.get $offset))
    (i32.add (local.get $to) (i32.const 3)))

  ;; At least one byte, and up to seven more than asked for. The two may overlap when `to` is 8 or more behind `from`.
  (func $copy (param $from i32) (param $to i32) (param $count i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $to) (local.get $count)))
    (loop $words
      (i64.store (local.get $to) (i64.load (local.get $from)))
      (local.set $from (i32.add (local.get $from) (i32.const 8)))
      (local.set $to (i32.add (local.get $to) (i32.const 8)))
      (br_if $words (i32.lt_s (local.get $to) (local.get $end)))))

  ;; Expands whole items to `to`, until fewer than `spare` bytes of input are left or the output has come to `full`.
  ;; Answers where the output ends then, with what was consumed at 81924; 0 when the stream is not a valid one. Copies
  ;; may reach back to `start`, and output to `out_end`.
  (func $expand (export "expand")
    (param $at i32) (param $end i32) (param $spare i32) (param $start i32) (param $to i32) (param $full i32) (param $out_end i32)
    (result i32)
    (local $first i32) (local $control i32) (local $count i32) (local $from i32)
    (local.set $first (local.get $at))
    (block $done
      (loop $items
        (br_if $done (i32.ge_s (local.get $to) (local.get $full)))
        (br_if $done (i32.le_s (i32.sub (local.get $end) (local.get $at)) (local.get $spare)))
        (local.set $control (i32.load8_u (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (if (i32.lt_u (local.get $control) (i32.const 32))
          (then
            (local.set $count (i32.add (local.get $control) (i32.const 1)))
            (if (i32.gt_s (i32.add (local.get $at) (local.get $count)) (local.get $end)) (then (return (i32.const 0))))
            (if (i32.gt_s (i32.add (local.get $to) (local.get $count)) (local.get $out_end)) (then (return (i32.const 0))))
            (call $copy (local.get $at) (local.get $to) (local.get $count))
            (local.set $at (i32.add (local.get $at) (local.get $count)))
            (local.set $to (i32.add (local.get $to) (local.get $count)))
            (br $items)))
        (local.set $count (i32.add (i32.shr_u (local.get $control) (i32.const 5)) (i32.const 2)))
        (if (i32.eq (local.get $count) (i32.const 9))
          (then
            (local.set $count (i32.add (i32.load8_u (local.get $at)) (i32.const 9)))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))))
        (if (i32.ge_s (local.get $at) (local.get $end)) (then (return (i32.const 0))))
        (local.set $from
          (i32.sub
            (i32.sub (local.get $to) (i32.const 1))
            (i32.or
              (i32.shl (i32.and (local.get $control) (i32.const 31)) (i32.const 8))
              (i32.load8_u (local.get $at)))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (if (i32.lt_s (local.get $from) (local.get $start)) (then (return (i32.const 0))))
        (if (i32.gt_s (i32.add (local.get $to) (local.get $count)) (local.get $out_end)) (then (return (i32.const 0))))
        (call $repeat (local.get $from) (local.get $to) (local.get $count))
        (local.set $to (i32.add (local.get $to) (local.get $count)))
        (br $items)))
    (i32.store (i32.const 81924) (i32.sub (local.get $at) (local.get $first)))
    (local.get $to))

  ;; A copy of what it may be writing itself: that is how runs are stored.
  (func $repeat (param $from i32) (param $to i32) (param $count i32)
    (local $end i32)
    (if (i32.ge_u (i32.sub (local.get $to) (local.get $from)) (i32.const 8))
      (then
        (call $copy (local.get $from) (local.get $to) (local.get $count))
        (return)))
    (if (i32.eq (i32.sub (local.get $to) (local.get $from)) (i32.const 1))
      (then
        (memory.fill (local.get $to) (i32.load8_u (local.get $from)) (local.get $count))
        (return)))
    (local.set $end (i32.add (local.get $to) (local.get $count)))
    (loop $bytes
      (i32.store8 (local.get $to) (i32.load8_u (local.get $from)))
      (local.set $from (i32.add (local.get $from) (i32.const 1)))
      (br_if $bytes
        (i32.lt_s (local.tee $to (i32.add (local.get $to) (i32.const 1))) (local.get $end))))))

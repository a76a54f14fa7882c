/* floats.inc.h — the file BODY for f64 and then for f32: T the element, NAME(op) a function of it,
 * E(fn) an operation of vec.h, WIDTH_OF the elements of one of its vectors. */
#define T        double
#define E(fn)    fn
#define WIDTH_OF WIDTH
#define NAME(op) op##_f64
#include BODY
#undef T
#undef E
#undef WIDTH_OF
#undef NAME

#define T        float
#define E(fn)    fn##_f
#define WIDTH_OF WIDTH_F
#define NAME(op) op##_f32
#include BODY
#undef T
#undef E
#undef WIDTH_OF
#undef NAME

#undef BODY

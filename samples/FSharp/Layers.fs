/// Layers of one's own: one with a parameter, an activation over spans, and one over vectors of any width.
module Layers

open System
open Backprop

/// y = x + sin^2(a x) / a, with an a for each feature that is learned.
type Snake(features: int) as this =
    inherit Layer<float>()
    let a = this.Register(VectorParameter<float>("a", features))
    do a.Values.Fill(1.0)
    member _.A = a

    override _.ForwardCore(x, pass) =
        let y = pass.NewOutput(x.RowCount, x.ColumnCount)
        x.MapIndexed((fun _ j v -> v + sin (a.Value[j] * v) ** 2.0 / a.Value[j]), y)
        y

    override _.BackwardCore(pass, dY) =
        let x, dX = pass.Input, pass.NewInputGradient()
        for i in 0 .. x.RowCount - 1 do
            for j in 0 .. x.ColumnCount - 1 do
                let a', v = a.Value[j], x[i, j]
                dX[i, j] <- dY[i, j] * (1.0 + sin (2.0 * a' * v))
                a.Gradient[j] <- a.Gradient[j] + dY[i, j] * (v * sin (2.0 * a' * v) / a' - sin (a' * v) ** 2.0 / (a' * a'))
        dX

/// y = x^2
type Square() =
    inherit Activation<float>()
    override _.Apply(x, y) = for i in 0 .. x.Length - 1 do y[i] <- x[i] * x[i]
    override _.Differentiate(x, _, dY, dX) = for i in 0 .. x.Length - 1 do dX[i] <- 2.0 * x[i] * dY[i]

/// y = x sigmoid(x), over vectors. F# finds one operator of a vector at a time: name the steps, or call what has a name.
[<Struct; NoEquality; NoComparison>]
type SwishFunction =
    interface VectorizedActivation<float>.IFunction with
        member _.Forward<'V when 'V: unmanaged and 'V :> IVector<'V, float>>(x: 'V) : 'V = x * 'V.Sigmoid x

        // f' = s + x s (1 - s) = s + y - y s
        member _.Backward<'V when 'V: unmanaged and 'V :> IVector<'V, float>>(x: 'V, y: 'V, dY: 'V) : 'V =
            let s = 'V.Sigmoid x
            let rest: 'V = y - 'V.MultiplyAdd(y, s, 'V.Zero)
            let slope: 'V = s + rest
            dY * slope

type Swish() =
    inherit VectorizedActivation<float>(VectorizedActivation<float>.Of(SwishFunction()))

/// XOR, learned by a network with a layer that is written here, whose gradients are checked first.
module Program

open Backprop
open MathNet.Numerics.LinearAlgebra
open Layers

let x = Matrix<float>.Build.DenseOfRowArrays([| 0.0; 0.0 |], [| 0.0; 1.0 |], [| 1.0; 0.0 |], [| 1.0; 1.0 |])
let y = Matrix<float>.Build.Dense(4, 1, [| 0.0; 1.0; 1.0; 0.0 |])

[<EntryPoint>]
let main arguments =
    let generator = Generator(1)
    let model =
        Sequential<float>(
            Linear<float>(2, 8, generator = generator), Snake(8),
            Linear<float>(8, 1, generator = generator))

    let report = GradientCheck.Run(model, x)
    printfn "%O" report

    let loss = BCEWithLogitsLoss<float>()
    let adam = Adam<float>(model.Parameters, learningRate = 0.05)
    let trainer =
        Trainer<float>(model, loss, adam, Batches<float>(x, y, batchSize = 4, shuffle = generator),
            Validation = Samples<float>(x, y),
            Metrics = [| BinaryAccuracy<float>(threshold = 0.0) :> Metric<float> |])
    let history =
        trainer.Fit(200, fun progress ->
            match progress.Moment, progress.Result with
            | TrainingMoment.EpochEnd, NonNull epoch when epoch.Epoch % 50 = 0 -> printfn "%O" epoch
            | _ -> ())

    let last = history.Epochs[history.Epochs.Count - 1]
    if not (Array.contains "--check" arguments) then 0
    else
        Calls.all ()
        if report.Passed && last.TrainingLoss < 0.05 && last.Metrics["binary_accuracy"] = 1.0 then 0 else 1

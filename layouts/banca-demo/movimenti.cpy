000100******************************************************************
000200* MOVIMENTI: ONE HEAD, ONE RECORD A MOVEMENT, ONE TAIL           *
000300******************************************************************
000400 01  MOVIMENTI-REC.
000500     05  TIPO-RECORD             PIC X(1).
000600     05  TESTA.
000700         10  DATA-FLUSSO         PIC 9(8).
000800         10  FILIALE             PIC X(5).
000900     05  MOVIMENTO REDEFINES TESTA.
001000         10  NUMERO              PIC 9(9)       COMP.
001100         10  IMPORTO             PIC S9(9)V99   COMP-3.
001200         10  CAUSALE             PIC X(2).
001300             88  BONIFICO                       VALUE '48'.
001400             88  PRELIEVO                       VALUE '26'.
001500         10  CAMBIO              COMP-1.
001600     05  CODA REDEFINES TESTA.
001700         10  RIGHE               PIC 9(7)       COMP-3.
001800         10  TOTALE              PIC S9(13)V99  COMP-3.
